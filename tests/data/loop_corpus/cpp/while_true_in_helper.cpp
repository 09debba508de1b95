#include <iostream>

void loop() {
    int n = 0;
    while (true) {
        n++;
        std::cout << n << '\n';
    }
}

int main() {
    loop();
    return 0;
}
