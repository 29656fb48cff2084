#include <stdio.h>

int main(void)
{
    puts("driftgauge " DG_VERSION);
    return 0;
}
