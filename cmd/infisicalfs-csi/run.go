package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"infisicalfs/cmd/infisicalfs-csi/internal/metrics"
	"infisicalfs/cmd/infisicalfs-csi/internal/node"
	"infisicalfs/internal/daemon"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/logging"
	"infisicalfs/internal/mount"
	words "infisicalfs/internal/options"
	"infisicalfs/internal/volume"
)

// options are what the command line says.
type options struct {
	endpoint, kubeletEndpoint string
	registrationDir, stateDir string
	driver, nodeID, config    string
	metrics                   string
	keeper                    string
	probe, debug              bool

	server    words.Server
	freshness words.Freshness

	hangups chan os.Signal // each is a wish that the configuration is read again
}

// addFlags declares the options' flags.
func (o *options) addFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.endpoint, "endpoint", "unix:///csi/csi.sock", "`socket` to answer the kubelet at")
	f.StringVar(&o.kubeletEndpoint, "kubelet-endpoint", "", "`path` of that socket as the kubelet sees it (default /var/lib/kubelet/plugins/DRIVER/csi.sock)")
	f.StringVar(&o.registrationDir, "registration-dir", "/registration", "`directory` where the kubelet looks for drivers; empty: the driver is registered by somebody else")
	f.StringVar(&o.stateDir, "state-dir", "/csi", "`directory` for the list of volumes, which has no secrets; it outlives the pod")
	f.StringVar(&o.keeper, "keeper", "", "`socket` of the keeper (infisicalfs-csi keep), so that readers wait for the next plugin and do not fail; empty: there is none")
	f.StringVar(&o.driver, "driver-name", "csi.infisicalfs", "`name` of the driver in the cluster")
	f.StringVar(&o.nodeID, "node-id", os.Getenv("NODE_NAME"), "`name` of the node (default $NODE_NAME)")
	f.StringVar(&o.config, "config", "", "configuration `file` with identities that volumes may name, for other servers")
	f.StringVar(&o.metrics, "metrics", "", "`address` to tell Prometheus at how the plugin does, such as :9809, with /healthz and /readyz; anybody who reaches it is answered")
	f.BoolVar(&o.probe, "probe", false, "ask a running driver whether it answers, and end")
	addSome(f, o.server.AddFlags, "url", "ca-cert", "client-cert", "client-key", "headers-file", "insecure-http", "organization", "identity-id", "organization-slug", "timeout", "rate-wait", "max-secrets")
	addSome(f, o.freshness.AddFlags, "ttl", "max-stale", "soft-deadline", "watch", "watch-interval", "watch-for")
	f.BoolVar(&o.debug, "debug", false, "log each call of the kubelet, without attributes and secrets")
}

// addSome declares those of a set of flags that are named.
func addSome(f *pflag.FlagSet, add func(*pflag.FlagSet), names ...string) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	add(all)
	for _, name := range names {
		if flag := all.Lookup(name); flag != nil {
			f.AddFlag(flag)
		}
	}
}

// socket is the path of the endpoint.
func (o *options) socket() (string, error) {
	path := strings.TrimPrefix(o.endpoint, "unix://")
	if !filepath.IsAbs(path) {
		return "", exitcode.Errorf(exitcode.Usage, "use unix:///csi/csi.sock", "--endpoint %q is no unix socket with an absolute path", o.endpoint)
	}
	return path, nil
}

// run serves until ctx ends, or the kubelet does not take the driver.
func (o *options) run(ctx context.Context) error {
	log := logging.Foreground(o.debug)
	daemon.Harden(log)
	if o.nodeID == "" {
		return exitcode.Errorf(exitcode.Usage, "give --node-id", "the node has no name")
	}
	socket, err := o.socket()
	if err != nil {
		return err
	}
	if _, err := o.login(log)(""); err != nil { // before anybody waits for this process
		return err
	}
	kept, err := o.receive(ctx)
	if err != nil {
		return err
	}
	defer kept.close()
	volumes, err := o.volumes(ctx, kept.cfg, log)
	if err != nil {
		return err
	}
	defer volumes.Close() // leaves the mounts
	listener, err := node.Listen(socket)
	if err != nil {
		return exitcode.Errorf(exitcode.Config, "", "listening at --endpoint: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	calls := metrics.NewCalls()
	n := node.New(node.Config{Driver: o.driver, Version: version, NodeID: o.nodeID, Volumes: volumes, Logins: o.login(log), Log: log, Watched: calls})
	servers := []*grpc.Server{n.Server()}
	listeners := []net.Listener{listener}
	var r *node.Registration
	if o.registrationDir != "" {
		l, err := node.Listen(filepath.Join(o.registrationDir, o.driver+"-reg.sock"))
		if err != nil {
			listener.Close()
			return exitcode.Errorf(exitcode.Config, "mount the kubelet's directory plugins_registry there", "listening in --registration-dir: %w", err)
		}
		endpoint := cmp.Or(o.kubeletEndpoint, "/var/lib/kubelet/plugins/"+o.driver+"/csi.sock")
		r = &node.Registration{Driver: o.driver, Endpoint: endpoint, Failed: cancel}
		servers, listeners = append(servers, r.Server()), append(listeners, l)
	}
	if o.metrics != "" {
		end, err := o.tell(ctx, cancel, metrics.Config{Version: version, Counts: volumes.Counts, Calls: calls, Healthy: o.ask, Ready: readiness(r), Log: log})
		if err != nil {
			return err
		}
		defer end()
	}
	go o.reloads(ctx, volumes, log)
	return serve(ctx, cancel, servers, listeners)
}

// reloads has the configuration read again at each SIGHUP, until ctx ends.
func (o *options) reloads(ctx context.Context, volumes *volume.Manager, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.hangups:
		}
		if err := volumes.Reload(ctx); err != nil {
			log.Error("some volumes go on with the configuration that they had", "error", err)
			continue
		}
		log.Info("the configuration was read again")
	}
}

// patience is how long calls that are under way have for their answers at the end.
const patience = 10 * time.Second

// serve answers on listeners until ctx ends. The error is why it ended, unless somebody wanted it.
func serve(ctx context.Context, cancel context.CancelCauseFunc, servers []*grpc.Server, listeners []net.Listener) error {
	for i, s := range servers {
		go func() {
			if err := s.Serve(listeners[i]); err != nil {
				cancel(err)
			}
		}()
	}
	<-ctx.Done()
	for i := range servers { // the registration first: the kubelet is to look for the next process
		s := servers[len(servers)-1-i]
		late := time.AfterFunc(patience, s.Stop)
		s.GracefulStop()
		late.Stop()
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// volumes opens what the process before has left.
func (o *options) volumes(ctx context.Context, cfg volume.Config, log *slog.Logger) (*volume.Manager, error) {
	var point mount.Config
	o.freshness.Apply(&point)
	cfg.StateDir, cfg.LoginAs, cfg.Cache, cfg.Version, cfg.Log = o.stateDir, o.login(log).LoginAs, point.Cache, version, log
	return volume.Open(ctx, cfg)
}

// ask is --probe: whether a driver answers at the endpoint.
func (o *options) ask(ctx context.Context) error {
	socket, err := o.socket()
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := csi.NewIdentityClient(connection).Probe(ctx, new(csi.ProbeRequest)); err != nil {
		return fmt.Errorf("the driver does not answer: %w", err)
	}
	return nil
}
