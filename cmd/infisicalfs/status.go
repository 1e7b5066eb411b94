package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"infisicalfs/client"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/mounttable"
)

func statusCommand() *cobra.Command {
	var asJSON bool
	var files configOptions
	cmd := &cobra.Command{
		Use:   "status [flags] [MOUNTPOINT | NAME]",
		Short: "Show how a mount is doing, or list all mounts",
		Long: `Shows what a mount has asked the server, what it holds, what went wrong last, and who uses it. Without
MOUNTPOINT it lists the mounts on this machine, and processes whose mount was taken away here and that go on
because somebody else has it. It never asks the server.

NAME is a mount of the configuration file, and means the mountpoint that it has there.`,
		Args:              atMostOne("mountpoint"),
		ValidArgsFunction: completeMounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listMounts(cmd.Context(), cmd.OutOrStdout(), asJSON)
			}
			point, err := files.mountpoint(args[0])
			if err != nil {
				return err
			}
			s, err := mount.ReadStatus(point)
			if err != nil {
				return err
			}
			used, err := mount.UsedBy(cmd.Context(), point)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), struct {
					mount.Status
					UsedBy []mounttable.Holder `json:"used_by,omitempty"`
				}{s, used})
			}
			return printStatus(cmd.OutOrStdout(), s, used)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	files.addFile(cmd.Flags())
	return cmd
}

// listMounts says of each mount whether it answers, and names the processes that
// go on without one.
func listMounts(ctx context.Context, out io.Writer, asJSON bool) error {
	list, err := mounttable.List()
	if err != nil {
		return err
	}
	hidden, err := mount.HiddenMounts(ctx)
	if err != nil {
		return err
	}
	type row struct {
		Mountpoint string              `json:"mountpoint"`
		Volume     string              `json:"volume,omitempty"`
		State      string              `json:"state"`
		PID        int                 `json:"pid,omitempty"`
		Holders    []mounttable.Holder `json:"holders,omitempty"`
	}
	rows := make([]row, 0, len(list))
	for _, info := range list {
		r := row{Mountpoint: info.Mountpoint, State: "ok"}
		s, err := mount.ReadStatus(info.Mountpoint)
		if err != nil {
			r.State = err.Error()
		}
		r.PID, r.Volume = s.PID, s.Volume
		rows = append(rows, r)
	}
	for _, h := range hidden {
		state := fmt.Sprintf("unmounted here; process %d goes on", h.Status.PID)
		if h.Status.InTree {
			state = fmt.Sprintf("in the mount namespace of process %d only", h.Status.PID)
		}
		if len(h.Holders) > 0 && !h.Status.InTree {
			state += ", held by " + mounttable.HeldBy(h.Holders)
		}
		rows = append(rows, row{h.Status.Mountpoint, h.Status.Volume, state, h.Status.PID, h.Holders})
	}
	if asJSON {
		return printJSON(out, rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(out, "nothing is mounted")
	}
	for _, r := range rows {
		if r.Volume != "" {
			r.State += ", volume " + r.Volume
		}
		fmt.Fprintf(out, "%s\t%s\n", oneLine(r.Mountpoint), oneLine(r.State))
	}
	return nil
}

func printJSON(out io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", mount.PlainJSON(text))
	return err
}

func printStatus(out io.Writer, s mount.Status, used []mounttable.Holder) error {
	var server client.Stats
	if len(s.Server) > 0 {
		if err := json.Unmarshal(s.Server, &server); err != nil {
			return fmt.Errorf("the status has an unexpected shape: %w", err)
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	line("mountpoint", "%s", s.Mountpoint)
	if s.Volume != "" {
		line("volume", "%s", oneLine(s.Volume))
	}
	line("shows", "%s of %s", s.Root, server.Server)
	line("running", "version %s, process %d, since %s", s.Version, s.PID, s.Since.Format(time.RFC3339))
	if s.Hangup == hangupIgnored {
		line("hangup", "SIGHUP is ignored: the log file and the credentials are not read again")
	}
	if p := s.Propagates; p.As != "" && !s.ReadOnly {
		line("propagates", "%s", p)
	}
	if len(used) > 0 {
		line("used by", "%s", oneLine(mounttable.HeldBy(used)))
	}
	line("login", "%s%s", server.Auth, tokenEnd(server.TokenEnds))
	line("routes", "%s", server.Routes)
	line("requests", "%d, failed %d, not modified %d, waits for the rate limit %d", server.Total, server.Failed, server.NotModified, server.RateWaits)
	line("cache", "%d folders, %d bytes; %d hits, %d misses, %d stale answers", s.Cache.Snapshots, s.Cache.Bytes, s.Cache.Hits, s.Cache.Misses, s.Cache.Stale)
	line("files", "%d opened, %d reads", s.FS.Opens, s.FS.Reads)
	if c := s.FS.Writes; c != nil && c.ScratchFiles+c.DoubtfulFiles+c.Rejected > 0 {
		line("only here", "%d scratch files, %d that may become secrets, %d texts in .infisicalfs/rejected: they end with the mount", c.ScratchFiles, c.DoubtfulFiles, c.Rejected)
	}
	if c := s.FS.Writes; c != nil {
		for _, t := range c.Unsent {
			line("would be lost", "%s (%d bytes, %s)", oneLine(t.Path), t.Size, oneLine(t.Why))
		}
		for _, a := range c.Approvals {
			line("approval", "%s of %s waits for %s, since %s", a.Change, oneLine(a.Path), requestOf(a), a.At.Format(time.RFC3339))
		}
	}
	if n := s.FS.Notify; n != nil {
		line("watchers", "%s", watchers(*n))
	}
	if server.Garbled > 0 {
		line("damaged", "%d secrets in answers had a name or value that is no text", server.Garbled)
	}
	for _, errno := range slices.Sorted(maps.Keys(s.FS.Errors)) {
		line("errors", "%s %d", errno, s.FS.Errors[errno])
	}
	if c := s.FS.Writes; c != nil && c.LastRefusal != "" {
		line("last refusal", "%s", oneLine(c.LastRefusal))
	}
	if reason := s.FS.LastViewError; reason != "" {
		line("last view", "%s", oneLine(reason))
	}
	if e := s.Cache.LastError; e != nil {
		line("last error", "%s%s", ago(e.At), oneLine(e.Text))
	}
	return w.Flush()
}

// requestOf names the request for an approval that a change has become.
func requestOf(a mount.Approval) string {
	switch {
	case a.Request == "":
		return "a request that the server did not name"
	case a.Slug == "":
		return "request " + oneLine(a.Request)
	}
	return "request " + oneLine(a.Request) + " (" + oneLine(a.Slug) + ")"
}

func tokenEnd(end time.Time) string {
	if end.IsZero() {
		return ""
	}
	return ", token until " + end.Format(time.RFC3339)
}

// ago says how old an error is, since it stays when all is well again.
func ago(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return short(time.Since(at)) + " ago: "
}

// short is a duration in its largest unit, rounded down.
func short(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(max(d, 0).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// watchers says how they are told of changes by others.
func watchers(n mount.NotifyCounts) string {
	text := fmt.Sprintf("%s, told of %d names, failed %d", n.InForce, n.Told, n.Failed)
	if n.Reason != "" {
		text += fmt.Sprintf("; not %s: %s", n.Mode, n.Reason)
	}
	return text
}
