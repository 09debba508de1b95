public class Main {
    public static void main(String[] args) {
        for (int row = 0; row < 2; row++) {
            for (int col = 0; col < 2; row++) {
                System.out.print("*");
            }
        }
    }
}
