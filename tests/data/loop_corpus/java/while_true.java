public class Main {
    public static void main(String[] args) {
        int n = 0;
        while (true) {
            System.out.println("n = " + n);
            n++;
        }
    }
}
