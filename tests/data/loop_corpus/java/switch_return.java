public class Main {
    static int next(int s) {
        while (true) {
            switch (s) {
                case 3: return s;
                default: s++;
            }
        }
    }

    public static void main(String[] args) {
        System.out.println(next(0));
    }
}
