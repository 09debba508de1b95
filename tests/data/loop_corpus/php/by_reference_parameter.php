<?php
function bump(&$x) { $x++; }

$i = 0;
while ($i < 3) {
    bump($i);
}
echo $i;
