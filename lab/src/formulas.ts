// Every formula of the pages, in TeX; vite.config.ts makes MathML of them.
export const formulas = {
  convolution: "y_{p,q} = \\sum_{i,j} w_{i,j}\\, x_{p s - m + i,\\; q s - m + j}",
  outputSize: "\\left\\lfloor \\frac{n + 2m - k}{s} \\right\\rfloor + 1",
  channels: "y_{p,q} = b + \\sum_{c} \\sum_{i,j} w_{c,i,j}\\, x_{c,\\,p+i,\\,q+j}",
  parameters: "K\\,(C\\,k\\,k + 1)",
  node: "z = \\sum_i w_i x_i + b, \\qquad a = f(z)",
  softmax: "p_c = \\frac{e^{z_c/T}}{\\sum_d e^{z_d/T}}",
  cost: "C = \\frac{1}{n} \\sum_{k=1}^{n} C_k",
  chain:
    "\\frac{\\partial C}{\\partial w} = \\sum_{\\text{places}} \\frac{\\partial z}{\\partial w} \\cdot \\frac{\\partial a}{\\partial z} \\cdot \\frac{\\partial C}{\\partial a}",
  difference: "\\frac{C(w + h) - C(w - h)}{2h}",
  length: "\\lVert \\nabla C \\rVert = \\sqrt{\\textstyle\\sum_i (\\partial C / \\partial w_i)^2}",
  update: "w \\leftarrow w - \\eta\\, \\frac{\\partial C}{\\partial w}",
} as const;
