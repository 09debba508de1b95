#include <iostream>

int main() {
    int i = 0;
    while (i < 6) {
        if (i == 3) continue;
        std::cout << i << "\n";
        i++;
    }
}
