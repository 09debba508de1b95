public class Main {
    public static void main(String[] args) {
        int i = 0;
        for (; i < 10;) ;
    }
}
