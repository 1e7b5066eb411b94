package dockerplugin

import (
	"log/slog"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready tells the service manager, if there is one that wants to know, that engines are
// answered: what is ordered after the service, such as dockerd, is started then.
func Ready(log *slog.Logger) {
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		log.Warn("the service manager cannot be told", "error", err)
	}
}
