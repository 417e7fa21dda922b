-- Checkpoints and quarantine lie beside the read models of each service: what an effect needs is written with it.
drop table {log}.checkpoint;
drop table {log}.quarantine;
