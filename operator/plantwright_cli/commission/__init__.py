"""`plantwright check`: commissions a machine from a laptop, with the gateway's own source and the gateway's own check.

    objects -> resolve (the operator's judgement and configuration) -> reading (a source) -> verdicts -> report

What passes here passes in the cluster: nothing is read or judged in another way.
"""
