import { execa } from 'execa';

const present = await execa('terraform', ['version'], { reject: false }).then(({ exitCode }) => exitCode === 0);

/** For `testWith`: CI's machine brings terraform, or the tests that need it fail there. */
export const lacksTerraform = present ? null : 'terraform is not on PATH; install HashiCorp’s binary, 1.11 or later';
