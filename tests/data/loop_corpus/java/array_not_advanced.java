public class Main {
    public static void main(String[] args) {
        int[] data = {4, 5, 6};
        int i = 0;
        while (i < data.length) {
            System.out.println(data[i]);
        }
    }
}
