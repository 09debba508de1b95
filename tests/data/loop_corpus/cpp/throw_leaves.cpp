#include <iostream>
#include <stdexcept>

int main() {
    int n = 0;
    try {
        while (true) {
            if (++n == 5) throw std::out_of_range("five");
        }
    } catch (const std::exception &e) {
        std::cout << e.what();
    }
}
