package ordeal
