import java.nio.file.*;
import static java.nio.file.StandardWatchEventKinds.*;

/** Prints what a WatchService says of the directories that are named. */
public class Watch {
    public static void main(String[] directories) throws Exception {
        WatchService service = FileSystems.getDefault().newWatchService();
        for (String directory : directories) {
            Path.of(directory).register(service, ENTRY_CREATE, ENTRY_MODIFY, ENTRY_DELETE);
        }
        System.out.println("ready");
        for (;;) {
            WatchKey key = service.take();
            for (WatchEvent<?> event : key.pollEvents()) {
                System.out.println(event.kind() + " " + event.context());
            }
            key.reset();
        }
    }
}
