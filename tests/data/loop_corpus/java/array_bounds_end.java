public class Main {
    public static void main(String[] args) {
        int[] a = new int[3];
        int i = 0;
        while (true) {
            a[i] = i;
            i++;
        }
    }
}
