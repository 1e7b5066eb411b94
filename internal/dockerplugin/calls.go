package dockerplugin

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"infisicalfs/internal/volume"
)

// volumeRequest is what engines send about a volume. ID names one use of it, Opts are
// the options of "volume create".
type volumeRequest struct {
	Name, ID string
	Opts     map[string]string
}

func (r volumeRequest) subject() slog.Attr { return slog.String("volume", r.Name) }

// mountedAnswer says where a volume is.
type mountedAnswer struct{ Mountpoint string }

// shownVolume is a volume in the answers of Get and List.
type shownVolume struct {
	Name       string
	Mountpoint string
	CreatedAt  string         `json:",omitempty"`
	Status     map[string]any `json:",omitempty"`
}

// shown leaves the status to Get, as Docker does with its own.
func shown(v volume.Volume) shownVolume {
	s := shownVolume{Name: v.Name, Mountpoint: v.Mountpoint}
	if !v.CreatedAt.IsZero() {
		s.CreatedAt = v.CreatedAt.UTC().Format(time.RFC3339)
	}
	return s
}

// capabilities says that a volume is one machine's: Swarm would take those of a
// "global" driver for one object of the whole cluster.
func capabilities(context.Context, nothing) (map[string]map[string]string, error) {
	return map[string]map[string]string{"Capabilities": {"Scope": "local"}}, nil
}

func (p *Plugin) create(_ context.Context, r volumeRequest) (nothing, error) {
	words, err := wordsOf(r.Opts)
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, p.Volumes.Create(r.Name, words)
}

// remove succeeds for a volume that is not there: an engine asks again when it did not
// hear the answer, and keeps a volume that cannot be removed for ever.
func (p *Plugin) remove(ctx context.Context, r volumeRequest) (nothing, error) {
	p.letGo(ctx, r.Name)
	err := p.Volumes.Remove(r.Name)
	if errors.Is(err, volume.ErrNotFound) {
		err = nil
	}
	return nothing{}, err
}

func (p *Plugin) path(_ context.Context, r volumeRequest) (mountedAnswer, error) {
	v, err := p.Volumes.Get(r.Name)
	return mountedAnswer{v.Mountpoint}, err
}

func (p *Plugin) get(_ context.Context, r volumeRequest) (map[string]shownVolume, error) {
	v, err := p.Volumes.Get(r.Name)
	s := shown(v)
	s.Status = v.Status
	return map[string]shownVolume{"Volume": s}, err
}

func (p *Plugin) list(context.Context, nothing) (map[string][]shownVolume, error) {
	list := []shownVolume{} // null would be no list
	for _, v := range p.Volumes.List() {
		list = append(list, shown(v))
	}
	return map[string][]shownVolume{"Volumes": list}, nil
}
