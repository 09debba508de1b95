<?php
echo "bye";
exit;
while (true) {
    echo "never";
}
