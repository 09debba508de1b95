<?php
for (;;):
    echo "x";
endfor;
