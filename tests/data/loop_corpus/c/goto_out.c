#include <stdio.h>

int main(void) {
    int i = 0;
    for (;;) {
        for (;;) {
            if (++i == 10)
                goto done;
        }
    }
done:
    printf("%d\n", i);
}
