public class Main {
    static int left = 3;

    static void use() { left--; }

    public static void main(String[] args) {
        while (left > 0) {
            use();
        }
    }
}
