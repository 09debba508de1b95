#include <iostream>
#include <stdexcept>

int main() {
    while (true) {
        try {
            throw 42;
        } catch (const std::exception &e) {
            std::cout << e.what();
        }
    }
}
