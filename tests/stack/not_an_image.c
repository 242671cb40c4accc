/* SPDX-License-Identifier: GPL-2.0 */
/* A shared object that is no stack image. */
int nothing_of_alpine(void);

int nothing_of_alpine(void)
{
	return 0;
}
