#include <iostream>

struct Server {
    void run() {
        while (true) { std::cout << "x"; }
    }
};

int main() {
    std::cout << "no server";
}
