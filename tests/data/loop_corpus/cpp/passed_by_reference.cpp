#include <iostream>

void bump(int &x) { x += 1; }

int main() {
    int i = 0;
    while (i < 3) {
        bump(i);
    }
    std::cout << i;
}
