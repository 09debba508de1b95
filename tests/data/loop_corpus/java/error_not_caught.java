public class Main {
    public static void main(String[] args) {
        int n = 0;
        while (true) {
            try {
                n++;
                if (n > 3) throw new StackOverflowError();
            } catch (Exception e) {
                System.out.println("caught");
            }
        }
    }
}
