export async function checkGradients() { return undefined; }
