"""The machinery: it knows nothing of contracts or GPUs, only of logs, commands, effects and time."""
