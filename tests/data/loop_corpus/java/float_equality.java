public class Main {
    public static void main(String[] args) {
        double x = 0.0;
        while (x != 1.0) {
            x += 0.1;
        }
    }
}
