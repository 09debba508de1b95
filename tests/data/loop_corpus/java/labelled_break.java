public class Main {
    public static void main(String[] args) {
        int n = 0;
        outer:
        for (;;) {
            for (;;) {
                n++;
                if (n > 9) break outer;
            }
        }
        System.out.println(n);
    }
}
