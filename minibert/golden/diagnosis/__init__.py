"""Why a tensor differs: the mistakes that ports of BERT are known for, tried one after the other."""
