#include <stdio.h>

int main(void) {
    int i = 0;
    while (i < 3) {
        {
            int i = 0;
            printf("%d\n", i);
        }
        i++;
    }
}
