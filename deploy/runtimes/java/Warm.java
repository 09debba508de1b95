import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import java.util.function.Function;
import java.util.stream.Collectors;

/** What learners' programs usually are made of, so that the archive holds what compiling it takes. */
public class Warm {
    record Pair<A, B>(A first, B second) {}

    sealed interface Shape permits Circle, Square {}

    record Circle(double radius) implements Shape {}

    record Square(double side) implements Shape {}

    enum Colour { RED, GREEN }

    static <T> List<T> twice(T value) {
        return new ArrayList<>(List.of(value, value));
    }

    public static void main(String[] args) throws Exception {
        Map<Boolean, List<Integer>> parts =
                twice(21).stream().collect(Collectors.partitioningBy(n -> n % 2 == 0));
        Function<Integer, String> text = n -> switch (n) {
            case 1 -> "one";
            default -> "many " + n;
        };
        try (Scanner scanner = new Scanner(System.in)) {
            for (int i = 0; i < 3 && scanner.hasNextInt(); i++) {
                System.out.printf("%s %s%n", text.apply(scanner.nextInt()), parts);
            }
        } catch (IllegalStateException e) {
            throw new RuntimeException(e.getMessage(), e);
        }
        Object shape = new Circle(2);
        if (shape instanceof Circle circle) {
            System.out.println(circle.radius() + Colour.RED.name() + new Pair<>(1, "x"));
        }
    }
}
