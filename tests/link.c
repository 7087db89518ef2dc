/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program that each folder's library is linked into, whole, with those that
 * it may need and no others: linking is the test. */
int main(void)
{
    return 0;
}
