package node

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// Registration answers the kubelet's plugin watcher, which finds its socket in the directory
// plugins_registry and asks there where the driver is.
type Registration struct {
	registration.UnimplementedRegistrationServer
	Driver   string
	Endpoint string      // the path of the driver's socket, as the kubelet sees it
	Failed   func(error) // is called if the kubelet does not take the driver

	known atomic.Bool
}

// Known reports whether the kubelet has registered the driver.
func (r *Registration) Known() bool { return r.known.Load() }

// Server makes a server of it.
func (r *Registration) Server() *grpc.Server {
	s := grpc.NewServer()
	registration.RegisterRegistrationServer(s, r)
	return s
}

// GetInfo tells where the driver is.
func (r *Registration) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{Type: registration.CSIPlugin, Name: r.Driver, Endpoint: r.Endpoint, SupportedVersions: []string{"1.0.0"}}, nil
}

// NotifyRegistrationStatus hears what the kubelet makes of it. A driver that is not registered is of no use:
// whoever has started it starts it again.
func (r *Registration) NotifyRegistrationStatus(_ context.Context, s *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	r.known.Store(s.GetPluginRegistered())
	if !s.GetPluginRegistered() {
		r.Failed(errors.New("the kubelet does not register the driver: " + s.GetError()))
	}
	return &registration.RegistrationStatusResponse{}, nil
}
