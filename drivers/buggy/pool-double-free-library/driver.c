/* build: gcc -O2 */
/* with: beside/ring-library-twice */
/*
 * ring-user with another build of the export driver that it uses; it is right itself.
 *
 * Wrong: ring-library-twice frees the bytes of a ring twice.
 * Deterministic: unload.
 */
#include "../../clean/ring-user/driver.c"
