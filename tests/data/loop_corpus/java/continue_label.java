public class Main {
    public static void main(String[] args) {
        int n = 0;
        outer: while (true) {
            for (int i = 0; i < 5; i++) {
                n += i;
                if (n > 3) continue outer;
            }
        }
    }
}
