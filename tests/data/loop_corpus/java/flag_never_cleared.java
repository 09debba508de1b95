public class Main {
    public static void main(String[] args) {
        boolean running = true;
        int frame = 0;
        while (running) {
            frame++;
            if (frame == 100) {
                System.out.println("should stop");
            }
        }
    }
}
