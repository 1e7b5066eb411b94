"""Prints what Python's watchdog says of the paths that are named: events of each, by its own Observer."""
import signal
import sys

from watchdog.events import FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver


class Say(FileSystemEventHandler):
    def on_any_event(self, event):
        if event.event_type in ("modified", "created", "deleted", "moved", "closed"):
            print(event.event_type, event.src_path, getattr(event, "dest_path", ""), flush=True)


for path in sys.argv[1:]:
    observer = InotifyObserver()
    observer.schedule(Say(), path, recursive=False)
    observer.start()
print("ready", flush=True)
signal.pause()
