public class Main {
    static void heartbeat() throws InterruptedException {
        for (;;) {
            System.out.println("beat");
            Thread.sleep(100);
        }
    }

    public static void main(String[] args) throws InterruptedException {
        heartbeat();
    }
}
