#include <iostream>
using namespace std;

int main() {
    bool again = true;
    int score = 0;
    do {
        score += 10;
        cout << score << endl;
    } while (again);
}
