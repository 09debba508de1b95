public class Main {
    public static void main(String[] args) {
        int rolls = 0;
        while (true) {
            rolls++;
            int d = (int) (Math.random() * 6) + 1;
            if (d == 6) break;
        }
        System.out.println(rolls);
    }
}
