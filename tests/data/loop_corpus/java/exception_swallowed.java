public class Main {
    public static void main(String[] args) {
        int tries = 0;
        do {
            try {
                tries++;
                Integer.parseInt("abc");
            } catch (NumberFormatException e) {
                System.out.println("bad number " + tries);
            }
        } while (true);
    }
}
