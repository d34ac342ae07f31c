// Figures of docs/remedies.md, which take minutes of training each and are not made anew here: nine
// U-Nets of 64², trained alike but for one remedy; test/lab-break.test.ts holds them to that page.
export interface TrainedRemedy {
  readonly name: string;
  /** PSNR of four unperturbed phantoms, dB. */
  readonly psnr: number;
  /** dB lost to the worst perturbation found of 5 % of ‖y‖. */
  readonly worst: number;
  /** Change of the image over ‖r‖ there. */
  readonly change: number;
}
const row = (name: string, psnr: number, worst: number, change: number): TrainedRemedy => ({
  ...{ name, psnr, worst, change },
});
export const evidenceSource =
  "docs/remedies.md, made by node scripts/remedies.mjs (fiducial 0.1.0, seed 1)";
export const trainedRemedies: readonly TrainedRemedy[] = [
  row("U-Net, none", 21.64, 0.92, 2.48),
  row("U-Net, jitter 0.03", 21.37, 1.26, 2.97),
  row("U-Net, jitter 0.1", 21.04, 0.85, 2.35),
  row("U-Net, data consistency", 22.69, 2.08, 3.54),
  row("U-Net, jitter 0.1 and data consistency", 22.98, 2.04, 3.08),
  row("U-Net, adversarial 5 %", 21.23, 0.47, 1.79),
  row("U-Net, rates 1/8 to 1/2", 20.62, 0.46, 1.63),
  row("U-Net, smoothing 0.05", 21.28, 1.22, 2.83),
  row("U-Net, unrolled, 3 iterations", 23.72, 2.2, 3.14),
  row("total variation", 23.31, 3.59, 3.3),
  row("zero-filled", 20.01, 0.13, 1),
];
