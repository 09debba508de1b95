import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        while (true) {
            int choice = in.nextInt();
            if (choice == 0) break;
            System.out.println(choice);
        }
    }
}
