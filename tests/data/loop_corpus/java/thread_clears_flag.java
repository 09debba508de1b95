public class Main {
    static volatile boolean run = true;

    public static void main(String[] args) throws Exception {
        new Thread(() -> { run = false; }).start();
        while (run) {
        }
        System.out.println("stopped");
    }
}
