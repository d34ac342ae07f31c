// What happens in practice: faults that scanners and patients really make, at three severities
// each, for every method.
import { ConfigError } from "../../engine/index.ts";
import { decibels } from "../../report/index.ts";
import { acquisitionFaults, coilDropOut, type AcquisitionFault } from "../../imaging/index.ts";
import type { Measurement } from "../schema.ts";
import { mean } from "../statistics.ts";
import { shownAsSeries } from "./shown/series.ts";
import { scanOf, type StabilityTest } from "./test.ts";

/**
 * Applies each fault at each severity, the same one to every method, and asks what it costs. A
 * method fails when a fault of moderate severity costs it more than `maxPsnrLoss` dB on the mean.
 */
export function practicalFaults(
  options: { faults?: readonly AcquisitionFault[]; maxPsnrLoss?: number } = {},
): StabilityTest {
  const { faults = acquisitionFaults, maxPsnrLoss = 3 } = options;
  if (faults.length === 0 || !(maxPsnrLoss > 0))
    throw new ConfigError(
      `practicalFaults: ${faults.length} faults and a threshold of ${maxPsnrLoss} dB; it needs at least one and a positive threshold`,
      { maxPsnrLoss },
    );
  const dropOut = faults.includes(coilDropOut);
  const labelOf = (fault: AcquisitionFault, severity: number): string => `${severity} ${fault.unit}`;
  return {
    id: "practical-faults",
    domain: "measurement",
    requires: ["sampling"],
    title: "Faults of the acquisition make small differences",
    failureTitle: "A fault of the acquisition ruins the image",
    description: `What goes wrong in practice, at a mild, a moderate and a severe size, drawn from the seed and the same for every method; beside it, random noise that changes the measurement as much. ${faults.map((f) => `${f.name[0].toUpperCase()}${f.name.slice(1)}: ${f.description}.`).join(" ")}${dropOut ? "" : " Coils cannot drop out: there is one."}`,
    source:
      "Gottschling, Antun, Adcock, Hansen, SIAM Review 2025 (arXiv 2001.01258), on perturbations that are not generic",
    settings: {
      faults: faults.map((f) => f.name).join(", "),
      severities: faults.map((f) => `${f.severities.join(", ")} ${f.unit}`).join("; "),
    },
    thresholds: { judgedSeverity: "moderate", maxPsnrLossDb: maxPsnrLoss },
    steps: faults.length * 3,
    async run(subject) {
      const found: Measurement[] = [];
      const scan = scanOf(subject);
      for (const fault of faults)
        for (const [i, severity] of fault.severities.entries()) {
          // one draw for all severities and methods: only the size differs
          const faulty = await fault.corrupt(scan, severity, subject.common(fault.name));
          const r = faulty.map((v, k) => v - scan.y[k]);
          found.push(
            await subject.measure(r, { label: labelOf(fault, severity), series: fault.name, picture: i === 1 }),
          );
          await subject.tick();
        }
      return { measurements: found };
    },
    show: shownAsSeries,
    judge(method, { measurements }) {
      const losses = faults
        .map((fault) => {
          const own = measurements.filter(
            (m) => m.series === fault.name && m.label === labelOf(fault, fault.severities[1]),
          );
          return {
            fault,
            loss: mean(own.map((m) => m.psnr.before - m.psnr.after)),
            noise: mean(own.map((m) => m.psnr.before - m.noise.psnr)),
          };
        })
        .sort((a, b) => b.loss - a.loss);
      const failed = losses.filter((l) => l.loss > maxPsnrLoss);
      const said = (failed.length > 0 ? failed : losses.slice(0, 1)).map(
        ({ fault, loss, noise }) =>
          `${decibels(loss)} to ${fault.name} (${labelOf(fault, fault.severities[1])}; random noise of that norm: ${decibels(noise)})`,
      );
      return {
        method,
        outcome: failed.length > 0 ? "fail" : "pass",
        figure: { value: losses[0].loss, threshold: maxPsnrLoss, unit: "dB lost to the worst moderate fault" },
        explanation: `loses ${failed.length > 0 ? "" : "at most "}${said.join(", ")}; threshold ${maxPsnrLoss} dB`,
      };
    },
  };
}
