#include <iostream>

int main() {
    int i = 0;
    auto bump = [&]() { i++; };
    while (i < 3) {
        bump();
    }
    std::cout << i;
}
