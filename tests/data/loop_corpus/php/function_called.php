<?php
function beat() {
    while (!false) {
        echo "beat\n";
        usleep(1000);
    }
}

beat();
