public class Main {
    static class Node { Node next; }

    public static void main(String[] args) {
        Node n = new Node();
        while (true) {
            n = n.next;
        }
    }
}
