public class Main {
    public static void main(String[] args) {
        int i = 1;
        while (i > 0) {
            i = i + i;
        }
        System.out.println(i);
    }
}
